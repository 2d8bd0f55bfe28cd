//! The class as an edit controller: parameters, the mapping of MIDI controllers, note expressions, the
//! editor.

use std::ffi::CStr;

use vst3::ComRef;
use vst3::Steinberg::Vst::NoteExpressionTypeInfo_::NoteExpressionTypeFlags_::kIsBipolar;
use vst3::Steinberg::Vst::{
    CtrlNumber, IComponentHandler, IEditControllerTrait, IMidiMappingTrait, INoteExpressionControllerTrait,
    NoteExpressionTypeID, NoteExpressionTypeInfo, NoteExpressionValue, NoteExpressionValueDescription,
    ParamID, ParamValue, ParameterInfo, String128, TChar, ViewType::kEditor, kNoParamId,
};
use vst3::Steinberg::{
    FIDString, IBStream, IPlugView, int16, int32, kInternalError, kInvalidArgument, kResultFalse, kResultOk,
    kResultTrue, tresult,
};

use crate::component::Component;
use crate::controllers::{self, Controller};
use crate::expressions::{EXPRESSIONS, Expression};
use crate::view::EditorView;
use crate::{guard, text};

impl IEditControllerTrait for Component {
    unsafe fn setComponentState(&self, _: *mut IBStream) -> tresult {
        // The component is this object and has it already.
        kResultOk
    }

    unsafe fn setState(&self, _: *mut IBStream) -> tresult {
        kResultOk
    }

    unsafe fn getState(&self, _: *mut IBStream) -> tresult {
        kResultOk
    }

    unsafe fn getParameterCount(&self) -> int32 {
        (self.instance.params.list().len() + controllers::COUNT) as i32
    }

    unsafe fn getParameterInfo(&self, index: int32, info: *mut ParameterInfo) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a place for it, or null.
            let Some(info) = (unsafe { info.as_mut() }) else { return kInvalidArgument };
            let Ok(index) = usize::try_from(index) else { return kInvalidArgument };
            let params = self.instance.params.list();
            if let Some(param) = params.get(index) {
                param.describe(info);
            } else if index - params.len() < controllers::COUNT
                && let Some(controller) = Controller::at(index - params.len())
            {
                controller.describe(info);
            } else {
                return kInvalidArgument;
            }
            kResultOk
        })
    }

    unsafe fn getParamStringByValue(&self, id: ParamID, value: ParamValue, to: *mut String128) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a place for it, or null.
            let Some(to) = (unsafe { to.as_mut() }) else { return kInvalidArgument };
            let words = match self.instance.params.get(id) {
                Some(param) => param.text(&self.instance.plugin, value),
                None => Controller::of(id).map(|_| format!("{value:.3}")),
            };
            let Some(words) = words else { return kInvalidArgument };
            text::write16(to, &words);
            kResultOk
        })
    }

    unsafe fn getParamValueByString(&self, id: ParamID, from: *mut TChar, to: *mut ParamValue) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a place for it, or null.
            let Some(to) = (unsafe { to.as_mut() }) else { return kInvalidArgument };
            // SAFETY: the host hands in a string that ends with a zero, or null.
            let words = unsafe { text::read16(from) };
            let value = match self.instance.params.get(id) {
                Some(param) => param.value_of(&self.instance.plugin, &words),
                None => Controller::of(id).and_then(|_| words.trim().parse().ok()),
            };
            let Some(value) = value.filter(|value| (0.0..=1.0).contains(value)) else { return kResultFalse };
            *to = value;
            kResultOk
        })
    }

    unsafe fn normalizedParamToPlain(&self, id: ParamID, value: ParamValue) -> ParamValue {
        self.instance.params.get(id).map_or(value, |param| param.plain(value))
    }

    unsafe fn plainParamToNormalized(&self, id: ParamID, plain: ParamValue) -> ParamValue {
        self.instance.params.get(id).map_or(plain, |param| param.normalised(plain))
    }

    unsafe fn getParamNormalized(&self, id: ParamID) -> ParamValue {
        guard(0.0, || match self.instance.params.get(id) {
            Some(param) => param.shown(&self.instance.plugin),
            None => Controller::of(id).map_or(0.0, |controller| self.instance.controllers.get(controller)),
        })
    }

    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        guard(kInternalError, || {
            let instance = &self.instance;
            if let Some(param) = instance.params.get(id) {
                instance.set(param, value);
                instance.serve_in_call();
            } else if let Some(controller) = Controller::of(id) {
                instance.controllers.set(controller, value);
            } else {
                return kInvalidArgument;
            }
            kResultOk
        })
    }

    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in its handler, or null.
            let handler = unsafe { ComRef::from_raw(handler) }.map(|handler| handler.to_com_ptr());
            self.instance.set_handler(handler);
            kResultOk
        })
    }

    unsafe fn createView(&self, name: FIDString) -> *mut IPlugView {
        guard(std::ptr::null_mut(), || {
            // SAFETY: the host hands in a C string, or null; the constant is one.
            let is_editor = !name.is_null() && unsafe { CStr::from_ptr(name) == CStr::from_ptr(kEditor) };
            if is_editor && self.instance.plugin.has_editor() {
                EditorView::create(self.instance.clone())
            } else {
                std::ptr::null_mut()
            }
        })
    }
}

impl IMidiMappingTrait for Component {
    unsafe fn getMidiControllerAssignment(
        &self,
        bus: int32,
        channel: int16,
        number: CtrlNumber,
        id: *mut ParamID,
    ) -> tresult {
        // SAFETY: the host hands in a place for it, or null.
        match (Controller::new(channel, number), unsafe { id.as_mut() }) {
            (Some(controller), Some(id)) if bus == 0 => {
                *id = controller.id();
                kResultTrue
            }
            _ => kResultFalse,
        }
    }
}

impl INoteExpressionControllerTrait for Component {
    unsafe fn getNoteExpressionCount(&self, bus: int32, _: int16) -> int32 {
        if bus == 0 { EXPRESSIONS.len() as i32 } else { 0 }
    }

    unsafe fn getNoteExpressionInfo(
        &self,
        bus: int32,
        _: int16,
        index: int32,
        info: *mut NoteExpressionTypeInfo,
    ) -> tresult {
        let expression = usize::try_from(index).ok().and_then(|index| EXPRESSIONS.get(index));
        // SAFETY: the host hands in a place for it, or null.
        let (Some(expression), Some(info), 0) = (expression, unsafe { info.as_mut() }, bus) else {
            return kInvalidArgument;
        };
        info.typeId = expression.vst3;
        text::write16(&mut info.title, expression.name);
        text::write16(&mut info.shortTitle, expression.name);
        info.units = [0; 128];
        info.unitId = -1;
        info.valueDesc = NoteExpressionValueDescription {
            defaultValue: expression.rest,
            minimum: 0.0,
            maximum: 1.0,
            stepCount: 0,
        };
        info.associatedParameterId = kNoParamId;
        info.flags = if expression.bipolar { kIsBipolar as i32 } else { 0 };
        kResultOk
    }

    unsafe fn getNoteExpressionStringByValue(
        &self,
        _: int32,
        _: int16,
        id: NoteExpressionTypeID,
        value: NoteExpressionValue,
        to: *mut String128,
    ) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a place for it, or null.
            let (Some(_), Some(to)) = (Expression::from_vst3(id), unsafe { to.as_mut() }) else {
                return kInvalidArgument;
            };
            text::write16(to, &format!("{value:.3}"));
            kResultOk
        })
    }

    unsafe fn getNoteExpressionValueByString(
        &self,
        _: int32,
        _: int16,
        id: NoteExpressionTypeID,
        from: *const TChar,
        to: *mut NoteExpressionValue,
    ) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a place for it, or null.
            let (Some(_), Some(to)) = (Expression::from_vst3(id), unsafe { to.as_mut() }) else {
                return kInvalidArgument;
            };
            // SAFETY: the host hands in a string that ends with a zero, or null.
            let value = unsafe { text::read16(from) }.trim().parse().ok();
            let Some(value) = value.filter(|value| (0.0..=1.0).contains(value)) else { return kResultFalse };
            *to = value;
            kResultOk
        })
    }
}

//! The lists and streams that a plugin is handed while it processes, saves and loads.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use vst3::Steinberg::Vst::{
    Event, IEventList, IEventListTrait, IParamValueQueue, IParamValueQueueTrait, IParameterChanges,
    IParameterChangesTrait, ParamID, ParamValue,
};
use vst3::Steinberg::{
    IBStream, IBStream_::IStreamSeekMode_, IBStreamTrait, int32, int64, kInvalidArgument, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComWrapper};

/// Events into or out of a block.
#[derive(Default)]
pub struct EventList(pub RefCell<Vec<Event>>);

impl EventList {
    /// With room for some thousand events, so that a plugin that adds them allocates nothing.
    pub fn with_room() -> Self {
        EventList(RefCell::new(Vec::with_capacity(4096)))
    }
}

impl Class for EventList {
    type Interfaces = (IEventList,);
}

impl IEventListTrait for EventList {
    unsafe fn getEventCount(&self) -> int32 {
        self.0.borrow().len() as int32
    }

    unsafe fn getEvent(&self, index: int32, e: *mut Event) -> tresult {
        match self.0.borrow().get(index as usize) {
            // SAFETY: the plugin hands in a place for one event.
            Some(event) => unsafe { e.write(*event) },
            None => return kInvalidArgument,
        }
        kResultOk
    }

    unsafe fn addEvent(&self, e: *mut Event) -> tresult {
        // SAFETY: the plugin hands in one event, which is copied.
        self.0.borrow_mut().push(unsafe { *e });
        kResultOk
    }
}

/// The points of one parameter in a block.
pub struct Queue {
    pub id: ParamID,
    pub points: RefCell<Vec<(int32, ParamValue)>>,
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id
    }

    unsafe fn getPointCount(&self) -> int32 {
        self.points.borrow().len() as int32
    }

    unsafe fn getPoint(&self, index: int32, offset: *mut int32, value: *mut ParamValue) -> tresult {
        let Some(point) = self.points.borrow().get(index as usize).copied() else { return kInvalidArgument };
        // SAFETY: the plugin hands in places for both.
        unsafe {
            offset.write(point.0);
            value.write(point.1);
        }
        kResultOk
    }

    unsafe fn addPoint(&self, offset: int32, value: ParamValue, index: *mut int32) -> tresult {
        let mut points = self.points.borrow_mut();
        points.push((offset, value));
        // SAFETY: the plugin hands in a place for the index, or null.
        if let Some(index) = unsafe { index.as_mut() } {
            *index = points.len() as int32 - 1;
        }
        kResultOk
    }
}

/// The parameter changes of a block.
#[derive(Default)]
pub struct Changes(RefCell<Vec<(ComWrapper<Queue>, ComPtr<IParamValueQueue>)>>);

impl Changes {
    /// Adds a point (offset in the block, value 0..=1).
    pub fn push(&self, id: ParamID, offset: int32, value: ParamValue) {
        let index = self.index_of(id);
        self.0.borrow()[index].0.points.borrow_mut().push((offset, value));
    }

    /// Every point: parameter, offset, value.
    pub fn points(&self) -> Vec<(ParamID, int32, ParamValue)> {
        let queues = self.0.borrow();
        let all = queues.iter().flat_map(|(queue, _)| {
            let points = queue.points.borrow();
            points.iter().map(|(offset, value)| (queue.id, *offset, *value)).collect::<Vec<_>>()
        });
        all.collect()
    }

    fn index_of(&self, id: ParamID) -> usize {
        let mut queues = self.0.borrow_mut();
        if let Some(found) = queues.iter().position(|(queue, _)| queue.id == id) {
            return found;
        }
        let queue = ComWrapper::new(Queue { id, points: RefCell::default() });
        if let Some(pointer) = queue.to_com_ptr::<IParamValueQueue>() {
            queues.push((queue, pointer));
        }
        queues.len() - 1
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        self.0.borrow().len() as int32
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        self.0.borrow().get(index as usize).map_or(std::ptr::null_mut(), |(_, pointer)| pointer.as_ptr())
    }

    unsafe fn addParameterData(&self, id: *const ParamID, index: *mut int32) -> *mut IParamValueQueue {
        // SAFETY: the plugin hands in an id.
        let at = self.index_of(unsafe { *id });
        // SAFETY: the plugin hands in a place for the index, or null.
        if let Some(index) = unsafe { index.as_mut() } {
            *index = at as int32;
        }
        self.0.borrow()[at].1.as_ptr()
    }
}

/// A state in memory.
#[derive(Default)]
pub struct Stream {
    pub bytes: RefCell<Vec<u8>>,
    at: Cell<usize>,
}

impl Stream {
    pub fn holding(bytes: &[u8]) -> Self {
        Stream { bytes: RefCell::new(bytes.to_vec()), at: Cell::new(0) }
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, count: int32, count_read: *mut int32) -> tresult {
        let bytes = self.bytes.borrow();
        let from = self.at.get().min(bytes.len());
        let count = (bytes.len() - from).min(usize::try_from(count).unwrap_or(0));
        // SAFETY: the plugin hands in a buffer of that many bytes, and a place for the count or null.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes[from..].as_ptr(), buffer.cast(), count);
            if let Some(read) = count_read.as_mut() {
                *read = count as int32;
            }
        }
        self.at.set(from + count);
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, count: int32, count_written: *mut int32) -> tresult {
        let count = usize::try_from(count).unwrap_or(0);
        let mut bytes = self.bytes.borrow_mut();
        let from = self.at.get();
        if bytes.len() < from + count {
            bytes.resize(from + count, 0);
        }
        // SAFETY: the plugin hands in a buffer of that many bytes, and a place for the count or null.
        unsafe {
            std::ptr::copy_nonoverlapping(buffer.cast_const().cast(), bytes[from..].as_mut_ptr(), count);
            if let Some(written) = count_written.as_mut() {
                *written = count as int32;
            }
        }
        self.at.set(from + count);
        kResultOk
    }

    unsafe fn seek(&self, pos: int64, mode: int32, result: *mut int64) -> tresult {
        let base = match u32::try_from(mode).map(|mode| mode as _) {
            Ok(IStreamSeekMode_::kIBSeekSet) => 0,
            Ok(IStreamSeekMode_::kIBSeekCur) => self.at.get(),
            Ok(IStreamSeekMode_::kIBSeekEnd) => self.bytes.borrow().len(),
            _ => return kInvalidArgument,
        };
        let Ok(at) = usize::try_from(base as int64 + pos) else { return kInvalidArgument };
        self.at.set(at);
        // SAFETY: the plugin hands in a place for the position, or null.
        if let Some(result) = unsafe { result.as_mut() } {
            *result = at as int64;
        }
        kResultOk
    }

    unsafe fn tell(&self, pos: *mut int64) -> tresult {
        // SAFETY: the plugin hands in a place for the position.
        unsafe { pos.write(self.at.get() as int64) };
        kResultOk
    }
}

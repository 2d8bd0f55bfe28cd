//! AppKit's dragging session, as a source of one file.

use std::ffi::CString;
use std::path::Path;
use std::sync::Mutex;

use objc2::rc::{Allocated, Retained};
use objc2::runtime::{AnyClass, AnyObject, AnyProtocol, ClassBuilder, NSObject, ProtocolObject, Sel};
use objc2::{AnyThread, ClassType, MainThreadMarker, msg_send, sel};
use objc2_app_kit::{
    NSDragOperation, NSDraggingItem, NSDraggingSource, NSEvent, NSEventModifierFlags, NSEventType, NSView,
    NSWorkspace,
};
use objc2_foundation::{NSArray, NSInteger, NSPoint, NSRect, NSSize, NSString, NSURL};
use raw_window_handle::{RawWindowHandle, WindowHandle};

use crate::{Drag, Outcome};

/// The picture below the pointer, in points.
const PICTURE: f64 = 32.0;

/// The drags that go on, by the address of their source.
static DRAGS: Mutex<Vec<(usize, Drag)>> = Mutex::new(Vec::new());

/// See [`crate::start`].
pub fn start(file: &Path, window: Option<WindowHandle>, drag: Drag) -> Result<(), String> {
    let Some(RawWindowHandle::AppKit(handle)) = window.map(|window| window.as_raw()) else {
        return Err("this is no window of AppKit's".into());
    };
    if MainThreadMarker::new().is_none() {
        return Err("only the main thread can drag".into());
    }
    let path = file.to_str().ok_or("the file's name is not valid text")?;
    // SAFETY: the handle's view lives as long as the handle is borrowed, and this is the main thread.
    let view: &NSView = unsafe { handle.ns_view.cast().as_ref() };
    let window = view.window().ok_or("the window is gone")?;
    let content = window.contentView().ok_or("the window is empty")?;
    let at = window.mouseLocationOutsideOfEventStream();
    let path = NSString::from_str(path);
    let address = NSURL::fileURLWithPath_isDirectory(&path, false);
    let item = NSDraggingItem::initWithPasteboardWriter(
        NSDraggingItem::alloc(),
        ProtocolObject::from_ref(&*address),
    );
    let picture = NSWorkspace::sharedWorkspace().iconForFile(&path);
    let frame =
        NSRect::new(NSPoint::new(at.x - PICTURE / 2.0, at.y - PICTURE / 2.0), NSSize::new(PICTURE, PICTURE));
    // SAFETY: an image is what AppKit draws there.
    unsafe { item.setDraggingFrame_contents(frame, Some(&picture)) };
    let event = NSEvent::mouseEventWithType_location_modifierFlags_timestamp_windowNumber_context_eventNumber_clickCount_pressure(
        NSEventType::LeftMouseDragged,
        at,
        NSEventModifierFlags::empty(),
        0.0,
        window.windowNumber(),
        None,
        0,
        1,
        1.0,
    )
    .ok_or("there is no event to begin with")?;
    let source = source()?;
    if let Ok(mut drags) = DRAGS.lock() {
        drags.push((Retained::as_ptr(&source) as usize, drag));
    }
    // SAFETY: the class has the methods of the protocol that it says it has.
    let source: Retained<ProtocolObject<dyn NSDraggingSource>> = unsafe { Retained::cast_unchecked(source) };
    content.beginDraggingSessionWithItems_event_source(&NSArray::from_slice(&[&*item]), &event, &source);
    Ok(())
}

/// An object that AppKit asks about the drag. Its class is made at run time, under a name that no other copy
/// of this library in the process has: each format of the plugin is one.
fn source() -> Result<Retained<NSObject>, String> {
    static CLASS: Mutex<Option<&'static AnyClass>> = Mutex::new(None);
    let mut class = CLASS.lock().map_err(|_| "an earlier drag failed")?;
    let class = match *class {
        Some(class) => class,
        None => {
            let name = format!("ContrafactDragSource{:x}", &raw const CLASS as usize);
            let name = CString::new(name).map_err(|error| error.to_string())?;
            let mut builder =
                ClassBuilder::new(&name, NSObject::class()).ok_or("its class is there already")?;
            if let Some(protocol) = AnyProtocol::get(c"NSDraggingSource") {
                builder.add_protocol(protocol);
            }
            // SAFETY: the functions have the signatures that the protocol gives these methods.
            unsafe {
                builder.add_method(
                    sel!(draggingSession:sourceOperationMaskForDraggingContext:),
                    allowed as extern "C" fn(_, _, _, _) -> _,
                );
                builder.add_method(
                    sel!(draggingSession:endedAtPoint:operation:),
                    ended as extern "C" fn(_, _, _, _, _),
                );
            }
            *class.insert(builder.register())
        }
    };
    // SAFETY: a class below NSObject, made and initialised as every such object is.
    unsafe {
        let object: Allocated<NSObject> = msg_send![class, alloc];
        Ok(msg_send![object, init])
    }
}

extern "C" fn allowed(_: &NSObject, _: Sel, _: &AnyObject, _: NSInteger) -> NSDragOperation {
    NSDragOperation::Copy
}

extern "C" fn ended(this: &NSObject, _: Sel, _: &AnyObject, _: NSPoint, operation: NSDragOperation) {
    let Ok(mut drags) = DRAGS.lock() else { return };
    if let Some(at) = drags.iter().position(|(source, _)| *source == std::ptr::from_ref(this) as usize) {
        let taken = operation != NSDragOperation::None;
        drags.remove(at).1.end(if taken { Outcome::Taken } else { Outcome::Refused });
    }
}

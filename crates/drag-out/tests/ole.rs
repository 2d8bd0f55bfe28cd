//! A file dragged on Windows onto a window that takes files: `cargo xtask cross windows --test` runs it under
//! Wine and Xvfb.
#![cfg(windows)]

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use drag_out::{Drag, Outcome};
use windows::Win32::Foundation::{HWND, POINTL};
use windows::Win32::System::Com::{DVASPECT_CONTENT, FORMATETC, IDataObject, TYMED_HGLOBAL};
use windows::Win32::System::Ole::{
    CF_HDROP, DROPEFFECT, DROPEFFECT_COPY, IDropTarget, IDropTarget_Impl, OleInitialize, RegisterDragDrop,
    ReleaseStgMedium, RevokeDragDrop,
};
use windows::Win32::System::SystemServices::MODIFIERKEYS_FLAGS;
use windows::Win32::UI::Input::KeyboardAndMouse::{
    MOUSE_EVENT_FLAGS, MOUSEEVENTF_LEFTDOWN, MOUSEEVENTF_LEFTUP, MOUSEEVENTF_MOVE, mouse_event,
};
use windows::Win32::UI::Shell::{DragQueryFileW, HDROP};
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DestroyWindow, DispatchMessageW, MSG, PM_REMOVE, PeekMessageW, SetCursorPos,
    TranslateMessage, WINDOW_EX_STYLE, WS_POPUP, WS_VISIBLE,
};
use windows::core::{Ref, Result, implement, w};

const PATIENCE: Duration = Duration::from_secs(20);

#[implement(IDropTarget)]
struct Track(Sender<PathBuf>);

impl IDropTarget_Impl for Track_Impl {
    fn DragEnter(
        &self,
        _: Ref<IDataObject>,
        _: MODIFIERKEYS_FLAGS,
        _: &POINTL,
        effect: *mut DROPEFFECT,
    ) -> Result<()> {
        // SAFETY: OLE gives a place for it.
        unsafe { *effect = DROPEFFECT_COPY };
        Ok(())
    }

    fn DragOver(&self, _: MODIFIERKEYS_FLAGS, _: &POINTL, effect: *mut DROPEFFECT) -> Result<()> {
        // SAFETY: as above.
        unsafe { *effect = DROPEFFECT_COPY };
        Ok(())
    }

    fn DragLeave(&self) -> Result<()> {
        Ok(())
    }

    fn Drop(
        &self,
        object: Ref<IDataObject>,
        _: MODIFIERKEYS_FLAGS,
        _: &POINTL,
        effect: *mut DROPEFFECT,
    ) -> Result<()> {
        let format = FORMATETC {
            cfFormat: CF_HDROP.0,
            ptd: std::ptr::null_mut(),
            dwAspect: DVASPECT_CONTENT.0,
            lindex: -1,
            tymed: TYMED_HGLOBAL.0 as u32,
        };
        // SAFETY: the object is OLE's, the medium is asked for as memory, read, and given back.
        unsafe {
            let mut medium = object.ok()?.GetData(&format)?;
            let files = HDROP(medium.u.hGlobal.0);
            let mut name = [0; 1024];
            assert_eq!(DragQueryFileW(files, u32::MAX, None), 1, "one file");
            let length = DragQueryFileW(files, 0, Some(&mut name)) as usize;
            let _ = self.0.send(String::from_utf16_lossy(&name[..length]).into());
            ReleaseStgMedium(&mut medium);
            *effect = DROPEFFECT_COPY;
        }
        Ok(())
    }
}

fn window(x: i32) -> Option<HWND> {
    let style = WS_POPUP | WS_VISIBLE;
    // SAFETY: the class is the system's own: a dialog's, for the mouse falls through plain "STATIC" ones.
    unsafe {
        CreateWindowExW(
            WINDOW_EX_STYLE(0),
            w!("#32770"),
            None,
            style,
            x,
            100,
            200,
            200,
            None,
            None,
            None,
            None,
        )
    }
    .ok()
}

fn pump() {
    let mut message = MSG::default();
    // SAFETY: the system fills the message.
    unsafe {
        while PeekMessageW(&mut message, None, 0, 0, PM_REMOVE).as_bool() {
            let _ = TranslateMessage(&message);
            DispatchMessageW(&message);
        }
    }
    thread::sleep(Duration::from_millis(5));
}

fn mouse(what: MOUSE_EVENT_FLAGS, at: Option<(i32, i32)>) {
    // SAFETY: plain numbers.
    unsafe {
        if let Some((x, y)) = at {
            let _ = SetCursorPos(x, y);
        }
        mouse_event(what, 0, 0, 0, 0);
    }
    thread::sleep(Duration::from_millis(60));
}

/// Presses over the first window, drags to a place, and lets go.
fn carry(file: &std::path::Path, to: (i32, i32)) -> Outcome {
    let (held, hold) = channel();
    let hand = thread::spawn(move || {
        mouse(MOUSEEVENTF_MOVE, Some((150, 150)));
        mouse(MOUSEEVENTF_LEFTDOWN, None);
        held.send(()).unwrap();
        thread::sleep(Duration::from_millis(300));
        for step in 1..=8 {
            let way = |from: i32, to: i32| from + (to - from) * step / 8;
            mouse(MOUSEEVENTF_MOVE, Some((way(150, to.0), way(150, to.1))));
        }
        mouse(MOUSEEVENTF_LEFTUP, None);
    });
    let since = Instant::now();
    let mut drag: Option<Drag> = None;
    loop {
        pump();
        if drag.is_none() && hold.try_recv().is_ok() {
            pump();
            drag = Some(drag_out::start(file, None).unwrap());
        }
        if let Some(outcome) = drag.as_ref().and_then(Drag::outcome) {
            hand.join().unwrap();
            return outcome;
        }
        assert!(since.elapsed() < PATIENCE, "the drag does not end");
    }
}

#[test]
fn a_file_is_taken_where_it_is_wanted_and_nowhere_else() {
    let windows = (window(100), window(500));
    let (Some(from), Some(to)) = windows else {
        assert!(
            std::env::var_os("CI").is_none(),
            "no drag was tried, for there is no screen; start one (Xvfb)"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Bar 9 classic to jazz ü.mid");
    std::fs::write(&file, "music").unwrap();
    let (tell, told) = channel();
    // SAFETY: on this thread, and undone below.
    unsafe {
        OleInitialize(None).unwrap();
        let track: IDropTarget = Track(tell).into();
        RegisterDragDrop(to, &track).unwrap();
    }
    assert_eq!(carry(&file, (600, 200)), Outcome::Taken);
    let dropped = told.try_recv().unwrap();
    assert_eq!(std::fs::read(&dropped).unwrap(), b"music");
    assert_eq!(dropped.file_name(), file.file_name());
    assert_eq!(carry(&file, (200, 250)), Outcome::Refused, "the window that it is from takes nothing");
    assert!(told.try_recv().is_err() && file.exists());
    // SAFETY: as above.
    unsafe {
        RevokeDragDrop(to).unwrap();
        let _ = (DestroyWindow(to), DestroyWindow(from));
    }
}

//! OLE's drag and drop, as a source of one file.
//!
//! `DoDragDrop` serves the window's messages until the button is up, and so calls into the window, which must
//! not be in the middle of something then. Hence it is not begun at once but from a timer, which the host's
//! own loop calls.

use std::cell::RefCell;
use std::os::windows::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use raw_window_handle::WindowHandle;
use windows::Win32::Foundation::{
    DRAGDROP_S_CANCEL, DRAGDROP_S_DROP, DRAGDROP_S_USEDEFAULTCURSORS, HWND, S_OK,
};
use windows::Win32::System::Com::IDataObject;
use windows::Win32::System::Ole::{
    DROPEFFECT, DROPEFFECT_COPY, DROPEFFECT_NONE, DoDragDrop, IDropSource, IDropSource_Impl, OleInitialize,
    OleUninitialize,
};
use windows::Win32::System::SystemServices::{MK_LBUTTON, MODIFIERKEYS_FLAGS};
use windows::Win32::UI::Shell::{
    Common::ITEMIDLIST, ILCreateFromPathW, ILFree, IShellFolder, SHBindToParent,
};
use windows::Win32::UI::WindowsAndMessaging::{KillTimer, SetTimer};
use windows::core::{BOOL, Error, HRESULT, PCWSTR, Result, implement};

use crate::{Drag, Outcome};

thread_local! {
    /// What this thread's timer is to drag.
    static NEXT: RefCell<Option<(PathBuf, Drag)>> = const { RefCell::new(None) };
}

/// See [`crate::start`].
pub fn start(file: &Path, _: Option<WindowHandle>, drag: Drag) -> std::result::Result<(), String> {
    NEXT.set(Some((file.to_owned(), drag)));
    // SAFETY: the function is one of this image, which stays loaded once a window was opened in it.
    let timer = unsafe { SetTimer(None, 0, 1, Some(on_timer)) };
    if timer == 0 {
        NEXT.set(None);
        return Err(Error::from_thread().message());
    }
    Ok(())
}

unsafe extern "system" fn on_timer(_: HWND, _: u32, timer: usize, _: u32) {
    // SAFETY: the timer that called us.
    let _ = unsafe { KillTimer(None, timer) };
    let Some((file, drag)) = NEXT.take() else { return };
    let taken = catch_unwind(AssertUnwindSafe(|| carry(&file))).is_ok_and(|taken| taken.unwrap_or(false));
    drag.end(if taken { Outcome::Taken } else { Outcome::Refused });
}

/// Drags until the button is up; whether somebody took the file.
fn carry(file: &Path) -> Result<bool> {
    // SAFETY: called on the window's thread; each success is matched below.
    unsafe { OleInitialize(None) }?;
    let done = object(file).map(|object| {
        let source: IDropSource = Source.into();
        let mut effect = DROPEFFECT_NONE;
        // SAFETY: both objects live through the call, and the effect is written to.
        let done = unsafe { DoDragDrop(&object, &source, DROPEFFECT_COPY, &mut effect) };
        done == DRAGDROP_S_DROP && effect != DROPEFFECT_NONE
    });
    // SAFETY: matches the success above.
    unsafe { OleUninitialize() };
    done
}

/// The file as Explorer itself would give it.
fn object(file: &Path) -> Result<IDataObject> {
    let path: Vec<u16> = file.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: the path ends in a zero; the list is freed below, its last part belongs to it and is used
    // before.
    unsafe {
        let list = ILCreateFromPathW(PCWSTR(path.as_ptr()));
        if list.is_null() {
            return Err(Error::from_thread());
        }
        let mut last: *mut ITEMIDLIST = std::ptr::null_mut();
        let object = SHBindToParent::<IShellFolder>(list, Some(&mut last)).and_then(|folder| {
            folder.GetUIObjectOf::<IDataObject>(HWND::default(), &[last.cast_const()], None)
        });
        ILFree(Some(list));
        object
    }
}

/// Goes on while the first button is down.
#[implement(IDropSource)]
struct Source;

impl IDropSource_Impl for Source_Impl {
    fn QueryContinueDrag(&self, escape: BOOL, keys: MODIFIERKEYS_FLAGS) -> HRESULT {
        if escape.as_bool() {
            DRAGDROP_S_CANCEL
        } else if keys & MK_LBUTTON == MODIFIERKEYS_FLAGS(0) {
            DRAGDROP_S_DROP
        } else {
            S_OK
        }
    }

    fn GiveFeedback(&self, _: DROPEFFECT) -> HRESULT {
        DRAGDROP_S_USEDEFAULTCURSORS
    }
}

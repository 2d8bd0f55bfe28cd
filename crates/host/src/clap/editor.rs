//! The plugin's editor in a window of the host's.

use std::sync::PoisonError;

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui, Window};

use super::ClapHost;
use crate::HostError;

/// An open editor; dropped, it is closed. The host is still there for everything else, through
/// [`Self::host`].
pub struct ClapEditor<'a> {
    host: &'a mut ClapHost,
}

impl ClapHost {
    /// Opens the editor inside of a window: X11's number of it, or on Windows its handle. macOS has no such
    /// number, and no editor here.
    ///
    /// # Errors
    ///
    /// The plugin has no editor for this system, or refuses.
    pub fn open_editor(&mut self, parent: impl Into<u64>) -> Result<ClapEditor<'_>, HostError> {
        let handle = self.instance.plugin_handle();
        let gui: PluginGui = handle.get_extension().ok_or(HostError::Missing("an editor"))?;
        let api_type = if cfg!(windows) { GuiApiType::WIN32 } else { GuiApiType::X11 };
        let embedded = GuiConfiguration { api_type, is_floating: false };
        gui.create(&handle, embedded).map_err(|_| HostError::refused("make its editor"))?;
        let editor = ClapEditor { host: self };
        let handle = editor.host.instance.plugin_handle();
        let parent = parent.into();
        // SAFETY: the caller's window lives as long as the editor in it.
        #[cfg(windows)]
        let parent = unsafe { Window::from_win32_hwnd(parent as usize as *mut _) };
        #[cfg(not(windows))]
        let parent = Window::from_x11_handle(parent as _);
        // SAFETY: the window is the caller's, and a window that is gone is the system's to refuse.
        unsafe { gui.set_parent(&handle, parent) }.map_err(|_| HostError::refused("embed its editor"))?;
        gui.show(&handle).map_err(|_| HostError::refused("show its editor"))?;
        Ok(editor)
    }

    /// The size in pixels that an editor has asked for since the last call.
    pub fn wanted_size(&self) -> Option<(u32, u32)> {
        self.instance
            .access_shared_handler(|shared| shared.size.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

impl ClapEditor<'_> {
    /// The instance that the editor is of.
    pub fn host(&mut self) -> &mut ClapHost {
        self.host
    }

    /// Width and height in pixels.
    pub fn size(&mut self) -> Option<(u32, u32)> {
        let handle = self.host.instance.plugin_handle();
        let size = handle.get_extension::<PluginGui>()?.get_size(&handle)?;
        Some((size.width, size.height))
    }

    /// Tells the editor that its window has another size now. Whether it follows.
    pub fn resize(&mut self, width: u32, height: u32) -> bool {
        let handle = self.host.instance.plugin_handle();
        let gui = handle.get_extension::<PluginGui>();
        gui.is_some_and(|gui| gui.set_size(&handle, GuiSize { width, height }).is_ok())
    }
}

impl Drop for ClapEditor<'_> {
    fn drop(&mut self) {
        let handle = self.host.instance.plugin_handle();
        if let Some(gui) = handle.get_extension::<PluginGui>() {
            gui.destroy(&handle);
        }
        self.host.pump();
    }
}

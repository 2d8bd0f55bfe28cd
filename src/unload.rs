//! Being unloaded without harm: hosts unload plugin libraries while threads that have called them live on.
//!
//! Rust's standard library leaves a callback for every thread that ever called us, which would crash a host
//! that unloads the library and then ends the thread (Linux). We take it back at unloading. Once a window was
//! opened the library stays loaded, because the window library may leave a thread behind.

pub use system::{Threads, keep_driver, stay};

/// Linux. Other Unixes do not unload libraries with thread-local variables.
#[cfg(target_os = "linux")]
mod system {
    use std::ffi::{CStr, CString, c_void};
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    /// The threads of an instance's windows.
    ///
    /// One that baseview has left behind takes down its connection to the graphics driver, and unloads that,
    /// after its window has gone. A process that ends meanwhile calls what the driver has left to be called
    /// at the end while it is being unmapped. So the instance waits for them when it goes.
    #[derive(Debug, Default)]
    pub struct Threads(Mutex<Vec<libc::c_long>>);

    impl Threads {
        /// This thread is one of them.
        pub fn enter(&self) {
            // SAFETY: it takes nothing and gives a number.
            let this = unsafe { libc::syscall(libc::SYS_gettid) };
            let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|&thread| is_alive(thread));
            threads.push(this);
        }

        /// Waits for the end of all of them, but no longer than this. Whether they have ended.
        pub fn wait(&self, most: Duration) -> bool {
            let since = Instant::now();
            let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            while threads.iter().any(|&thread| is_alive(thread)) {
                if since.elapsed() > most {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            true
        }
    }

    fn is_alive(thread: libc::c_long) -> bool {
        Path::new("/proc/self/task").join(thread.to_string()).exists()
    }

    /// Keeps this library loaded until the process ends.
    ///
    /// For editors: baseview 0.4.2 leaves a window's thread detached in about half of all closes, and a host
    /// that then unloads the library takes the code from under it.
    pub fn stay() {
        // SAFETY: `Dl_info` is plain data for which zeros are valid, `dladdr` fills it for the address of a
        // function of this image, and the name it gives lives as long as the image. `RTLD_NOLOAD` loads
        // nothing and runs nothing; the handle is kept on purpose.
        unsafe {
            let mut info: libc::Dl_info = std::mem::zeroed();
            if libc::dladdr(stay as *const c_void, &mut info) != 0 && !info.dli_fname.is_null() {
                libc::dlopen(info.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
            }
        }
    }

    /// Keeps the graphics driver loaded that this thread's window has brought.
    ///
    /// baseview 0.4.2 unloads it with the last window, and the thread of a window that was closed just before
    /// may only then come to what the driver has left to be called at a thread's end: the host crashed when
    /// windows were opened and closed fast.
    pub fn keep_driver() {
        let mut names: Vec<CString> = Vec::new();
        // SAFETY: the callback gets the list that it is given here, and returns before this does.
        unsafe { libc::dl_iterate_phdr(Some(note_driver), (&raw mut names).cast()) };
        for name in names {
            // SAFETY: as in `stay`.
            unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
        }
    }

    /// Notes a loaded library in the list that `names` is, if it is one of a graphics driver's. What those
    /// need stays with them.
    unsafe extern "C" fn note_driver(
        info: *mut libc::dl_phdr_info,
        _: libc::size_t,
        names: *mut c_void,
    ) -> libc::c_int {
        // SAFETY: the system gives a valid entry, and `keep_driver` a list that nobody else has.
        let (name, names) = unsafe { ((*info).dlpi_name, &mut *names.cast::<Vec<CString>>()) };
        if !name.is_null() {
            // SAFETY: the system's names end in a zero.
            let name = unsafe { CStr::from_ptr(name) };
            let file = name.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let starts = [&b"libEGL"[..], b"libGL", b"libgallium", b"libnvidia"];
            if starts.iter().any(|start| file.starts_with(start)) || file.ends_with(b"_dri.so") {
                names.push(name.to_owned());
            }
        }
        0
    }

    #[cfg(test)]
    mod tests {
        use std::sync::{Arc, mpsc};

        use super::*;

        #[test]
        fn a_thread_is_waited_for_until_it_has_ended() {
            let (threads, (go, wait)) = (Arc::new(Threads::default()), mpsc::channel::<()>());
            assert!(threads.wait(Duration::ZERO), "there is none");
            let (of, (inside, entered)) = (threads.clone(), mpsc::channel());
            let thread = std::thread::spawn(move || {
                of.enter();
                inside.send(()).unwrap();
                let _ = wait.recv();
            });
            entered.recv().unwrap();
            assert!(!threads.wait(Duration::from_millis(5)), "it is still there");
            drop(go);
            assert!(threads.wait(Duration::from_secs(20)));
            thread.join().unwrap();
        }
    }
}

/// Taking back the standard library's promise to be called when a thread ends. Only with glibc: other C
/// libraries number their keys otherwise (musl does not unload at all).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod keys {
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// As many keys as glibc has.
    const KEYS: usize = 1024;
    const NONE: u32 = u32::MAX;

    /// The key of Rust's standard library in this image.
    static KEY: AtomicU32 = AtomicU32::new(NONE);

    /// Finds the key under which the standard library asks to be called when a thread ends.
    ///
    /// Every thread that calls `std::thread::current` gets a value under that key (nice-plug does so on the
    /// host's main and audio threads), and with it a call into this image at the thread's end, even after the
    /// image is gone: the host crashes. The standard library never gives the key back and does not tell it;
    /// but it is the one that has a value on this thread after the first such call and had none before.
    extern "C" fn loaded() {
        if is_program() || !has_std() {
            return;
        }
        let before = values();
        let _ = std::thread::current();
        let after = values();
        if let Some(key) = (0..KEYS).find(|&key| before[key].is_null() && !after[key].is_null()) {
            KEY.store(key as u32, Ordering::Release);
        }
    }

    /// Gives the key back, so that no thread calls into what is no longer there.
    extern "C" fn unloaded() {
        let key = KEY.swap(NONE, Ordering::AcqRel);
        if key != NONE {
            // SAFETY: this image created the key and nothing of it runs any more.
            unsafe { libc::pthread_key_delete(key) };
        }
    }

    #[used]
    #[unsafe(link_section = ".init_array")]
    static LOADED: extern "C" fn() = loaded;
    #[used]
    #[unsafe(link_section = ".fini_array")]
    static UNLOADED: extern "C" fn() = unloaded;

    /// This thread's value under every key.
    fn values() -> [*mut c_void; KEYS] {
        // SAFETY: a key that does not exist has no value: null.
        std::array::from_fn(|key| unsafe { libc::pthread_getspecific(key as libc::pthread_key_t) })
    }

    /// Whether this code is part of the program itself (a test), which is never unloaded, and where the
    /// standard library forbids to ask for the thread before `main`.
    fn is_program() -> bool {
        // SAFETY: the kernel always says where the program's own headers are.
        let program = unsafe { libc::getauxval(libc::AT_PHDR) } as *const c_void;
        is_ours(program)
    }

    /// Whether the standard library is part of this image. Where others share it, its key is theirs too.
    fn has_std() -> bool {
        is_ours(std::thread::current as *const c_void)
    }

    /// Whether an address lies in this image.
    fn is_ours(address: *const c_void) -> bool {
        let base = |address: *const c_void| {
            // SAFETY: as in `stay`; an address that belongs to no image leaves the zeros.
            unsafe {
                let mut info: libc::Dl_info = std::mem::zeroed();
                libc::dladdr(address, &mut info);
                info.dli_fbase
            }
        };
        base(address) == base(is_ours as *const c_void)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_is_in_this_image_is_ours() {
            assert!(is_program() && has_std());
            assert!(!is_ours(libc::getauxval as *const c_void) && !is_ours(std::ptr::null()));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::time::Duration;

    /// Windows have threads of their own on Linux only.
    #[derive(Debug, Default)]
    pub struct Threads;

    impl Threads {
        /// Nothing to do.
        pub fn enter(&self) {}

        /// Nothing to wait for.
        pub fn wait(&self, _: Duration) -> bool {
            true
        }
    }

    /// Keeps this library loaded until the process ends.
    ///
    /// For Windows: the standard library (mingw's) takes a handful of the process's thread-local places, of
    /// which there are 1,088, and does not give them back at unloading. A host that loads and unloads us a
    /// few hundred times would be left without any, and end.
    #[cfg(windows)]
    pub fn stay() {
        use windows_sys::Win32::System::LibraryLoader::{
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
        };
        let how = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
        let mut library = std::ptr::null_mut();
        // SAFETY: the address is that of a function of this image, and the handle is written to.
        unsafe { GetModuleHandleExW(how, stay as *const () as *const u16, &mut library) };
    }

    /// Nothing to do.
    #[cfg(not(windows))]
    pub fn stay() {}

    /// Likewise.
    pub fn keep_driver() {}
}

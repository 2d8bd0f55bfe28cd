//! `trainer`: prepare, train, evaluate, export. The commands are in [`trainer::cli`].

use std::process::ExitCode;

use libmimalloc_sys::{mi_option_set, mi_option_t};
use trainer::run::{INTERRUPTED, Interrupted};

/// With [`keep_memory`], a step of the compact networks takes 4 % (batch 16) to 11 % (batch 24) less processor time than
/// with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which libmimalloc-sys has no name for. A test below asks mimalloc itself whether
/// this is its number.
const PURGE_DELAY: mi_option_t = 15;
/// As that option's value: never.
const NEVER: std::ffi::c_long = -1;

fn main() -> ExitCode {
    // SAFETY: nothing has started a thread yet.
    unsafe { trainer::one_thread_an_operation() };
    keep_memory();
    match trainer::cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => ExitCode::from(INTERRUPTED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the allocator keep what it has: every step takes and frees the same hundreds of megabytes, and clearing fresh pages
/// was a fifth of its time.
fn keep_memory() {
    // SAFETY: sets a number inside the allocator, which may be done at any time.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) };
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use libmimalloc_sys::mi_option_get;

    use super::*;

    fn purge_delay() -> std::ffi::c_long {
        // SAFETY: reads a number inside the allocator, which may be done at any time.
        unsafe { mi_option_get(PURGE_DELAY) }
    }

    /// mimalloc reads an option from the environment by its name: what it then says of our number shows whose number it
    /// is.
    #[test]
    fn the_number_of_the_purge_delay_is_mimallocs() {
        const NAME: &str = "tests::the_number_of_the_purge_delay_is_mimallocs";
        if std::env::var_os("PURGE_DELAY_TEST").is_some() {
            assert_eq!(purge_delay(), 77);
            keep_memory();
            assert_eq!(purge_delay(), NEVER);
            return;
        }
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME]).env("PURGE_DELAY_TEST", "1").env("MIMALLOC_PURGE_DELAY", "77");
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

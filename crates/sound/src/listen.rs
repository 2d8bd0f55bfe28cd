//! Sounds heard: by a program that the system has for it, so that no build needs a sound library.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Sound, SoundError};

impl Sound {
    /// Plays it on the system's usual output, and returns when it is over.
    ///
    /// # Errors
    ///
    /// No program for it is found, or none finds a device.
    pub fn listen(&self) -> Result<(), SoundError> {
        let fault = |error: std::io::Error| SoundError::Listen(error.to_string());
        let file = tempfile::Builder::new().suffix(".wav").tempfile().map_err(fault)?;
        self.write(file.path())?;
        let mut tried = Vec::new();
        for mut player in players(file.path()) {
            let name = player.get_program().to_string_lossy().into_owned();
            let player = player.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            match player.status() {
                Ok(status) if status.success() => return Ok(()),
                Ok(_) => tried.push(format!("{name} found no device")),
                Err(_) => tried.push(format!("{name} is not installed")),
            }
        }
        Err(SoundError::Listen(tried.join(", ")))
    }
}

/// The programs to try, the usual ones first.
fn players(file: &Path) -> Vec<Command> {
    let command = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).arg(file);
        command
    };
    if cfg!(target_os = "macos") {
        vec![command("afplay", &[])]
    } else if cfg!(windows) {
        let mut shell = Command::new("powershell");
        shell
            .args(["-NoProfile", "-Command", "(New-Object Media.SoundPlayer $env:SOUND).PlaySync()"])
            .env("SOUND", file);
        vec![shell]
    } else {
        vec![
            command("pw-play", &[]),
            command("paplay", &[]),
            command("aplay", &["-q"]),
            command("ffplay", &["-nodisp", "-autoexit", "-loglevel", "quiet"]),
        ]
    }
}

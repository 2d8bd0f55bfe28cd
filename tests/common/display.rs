//! An X server of the test's own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, CreateWindowAux, WindowClass};
use x11rb::rust_connection::RustConnection;

/// Xvfb, ended when dropped, and a connection to it.
pub struct Display {
    server: Child,
    connection: RustConnection,
    screen: usize,
}

impl Display {
    /// Starts Xvfb and makes it this program's display; `None`, with a sentence printed, where it cannot be had. Before
    /// other threads start.
    pub fn start() -> Option<Display> {
        let started = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut server = match started {
            Ok(server) => server,
            Err(error) => {
                println!("skipped: Xvfb, the X server without a screen, cannot be started ({error})");
                return None;
            }
        };
        let mut number = String::new();
        let read = server.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut number));
        let name = format!(":{}", number.trim());
        match (read, x11rb::connect(Some(&name))) {
            (Some(Ok(1..)), Ok((connection, screen))) => {
                // SAFETY: no other thread runs yet, and the plugin, which reads it, is not loaded.
                unsafe { std::env::set_var("DISPLAY", &name) };
                Some(Display { server, connection, screen })
            }
            _ => {
                println!("skipped: Xvfb was started but serves no display");
                let _ = server.kill();
                let _ = server.wait();
                None
            }
        }
    }

    /// A window of that size, mapped.
    pub fn window(&self, width: u16, height: u16) -> u32 {
        let screen = &self.connection.setup().roots[self.screen];
        let window = self.connection.generate_id().expect("ids for windows");
        let aux = CreateWindowAux::new();
        let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
        self.connection
            .create_window(depth, window, screen.root, 0, 0, width, height, 0, class, 0, &aux)
            .and_then(|_| self.connection.map_window(window))
            .map(|asked| asked.check().expect("a window is made"))
            .expect("Xvfb answers");
        window
    }

    /// How many windows lie in a window.
    pub fn children(&self, window: u32) -> usize {
        let tree = self.connection.query_tree(window).expect("Xvfb answers");
        tree.reply().expect("the window is there").children.len()
    }

    /// Ends a window.
    pub fn destroy(&self, window: u32) {
        let asked = self.connection.destroy_window(window).expect("Xvfb answers");
        asked.check().expect("the window is there");
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

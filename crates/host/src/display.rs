//! An X server of one's own, to open editors on: windows, the user's hands, and what is to be seen.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, CreateWindowAux, ImageFormat,
    KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MOTION_NOTIFY_EVENT, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

/// How long hands rest between two things that they do: longer than a frame of the editor's takes without a
/// graphics card.
const REST: Duration = Duration::from_millis(60);

/// Xvfb, ended when dropped, and a connection to it.
pub struct Display {
    server: Child,
    connection: RustConnection,
    screen: usize,
}

/// What is to be seen of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Red, green, blue, row by row.
    pub rgb: Vec<u8>,
}

impl Display {
    /// Starts Xvfb with a screen of that many pixels and makes it this program's display; `None`, with a
    /// sentence printed, where it cannot be had. Before other threads start.
    pub fn start(width: u32, height: u32) -> Option<Display> {
        let screen = format!("{width}x{height}x24");
        let started = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"])
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

    fn root(&self) -> u32 {
        self.connection.setup().roots[self.screen].root
    }

    /// A window of that size at the screen's corner, mapped.
    pub fn window(&self, width: u16, height: u16) -> u32 {
        let window = self.connection.generate_id().expect("ids for windows");
        let aux = CreateWindowAux::new();
        let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
        self.connection
            .create_window(depth, window, self.root(), 0, 0, width, height, 0, class, 0, &aux)
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

    /// The pointer goes to a place on the screen.
    pub fn point(&self, x: i16, y: i16) {
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y);
        thread::sleep(REST);
    }

    /// A click of the first button at a place on the screen.
    pub fn click(&self, x: i16, y: i16) {
        self.drag((x, y), (x, y));
    }

    /// A drag with the first button, from a place on the screen to another.
    pub fn drag(&self, from: (i16, i16), to: (i16, i16)) {
        self.point(from.0, from.1);
        self.fake(BUTTON_PRESS_EVENT, 1, 0, 0);
        thread::sleep(REST);
        if from != to {
            for step in 1..=4 {
                let way = |a: i16, b: i16| a + (b - a) * step / 4;
                self.point(way(from.0, to.0), way(from.1, to.1));
            }
        }
        self.fake(BUTTON_RELEASE_EVENT, 1, 0, 0);
        thread::sleep(REST);
    }

    /// The first button goes down where the pointer is, or up.
    pub fn button(&self, down: bool) {
        self.fake(if down { BUTTON_PRESS_EVENT } else { BUTTON_RELEASE_EVENT }, 1, 0, 0);
        thread::sleep(REST);
    }

    /// A key of the keyboard, by its number, goes down or up.
    pub fn key(&self, number: u8, down: bool) {
        self.fake(if down { KEY_PRESS_EVENT } else { KEY_RELEASE_EVENT }, number, 0, 0);
        thread::sleep(REST);
    }

    fn fake(&self, kind: u8, button: u8, x: i16, y: i16) {
        let asked = self.connection.xtest_fake_input(kind, button, 0, self.root(), x, y, 0);
        asked.expect("Xvfb answers").check().expect("Xvfb has XTEST");
    }

    /// What is to be seen of a window of that size.
    pub fn picture(&self, window: u32, width: u16, height: u16) -> Picture {
        let asked = self.connection.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, !0);
        let image = asked.expect("Xvfb answers").reply().expect("the window is to be seen");
        let rgb = image.data.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Picture { size: (width.into(), height.into()), rgb }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

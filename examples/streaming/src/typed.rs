//! What the user types, as a channel.

use tokio::sync::mpsc;

/// The lines of stdin, until its end (Ctrl-D). A thread of its own reads them: a runtime that ends waits for reads of
/// tokio's `stdin()`, so that the program would stay until somebody presses Enter.
pub fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

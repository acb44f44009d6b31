//! A rocket that measures at a pace of its own, and watchers that may be slower than that.
//!
//! The newest reading is kept, and no other: a watcher that has no room when a reading is made gets the one that is the
//! newest when there is room again. What was overwritten meanwhile is counted, and the count travels with the reading.

use std::time::Duration;

use halloo::{MessageSender, Request, Status};
use tokio::sync::watch;

halloo::include_proto!("telemetry");

/// Half a second of flight a reading; then the next rocket starts.
const READINGS_A_FLIGHT: u64 = 24;

/// Metres per second squared, after gravity took its share.
const ACCELERATION: f64 = 25.0;

const PICTURE_BYTES: usize = 16 * 1024;

/// A launch site whose rockets never end.
#[derive(Debug)]
pub struct Site {
    newest: watch::Receiver<Reading>,
}

impl Site {
    /// Launches: a reading every `pace` until `stop` resolves. Then the feeds end.
    pub fn launch(pace: Duration, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let (readings, newest) = watch::channel(Reading::default());
        tokio::spawn(async move {
            let fly = async {
                let mut clock = tokio::time::interval(pace);
                for number in 1.. {
                    clock.tick().await;
                    readings.send_replace(reading(number));
                }
            };
            tokio::select! {
                () = fly => {}
                () = stop => {}
            }
        });
        Self { newest }
    }
}

impl Telemetry for Site {
    async fn watch(&self, request: Request<WatchRequest>, replies: &mut MessageSender<Reading>) -> Result<(), Status> {
        let mut newest = self.newest.clone();
        let mut last = newest.borrow_and_update().number;
        let mut sent = 0;
        while newest.changed().await.is_ok() {
            if !replies.has_room() {
                println!("A watcher is slow: readings are skipped");
                replies.ready().await?;
            }
            // Looked at after the wait, so that no old reading is sent.
            let mut reading = newest.borrow_and_update().clone();
            reading.skipped = reading.number - last - 1;
            if reading.skipped > 0 {
                println!("📤 Sending reading {}, {} were skipped", reading.number, reading.skipped);
            }
            last = reading.number;
            replies.encode(reading)?;
            sent += 1;
            if sent == request.readings {
                break;
            }
        }
        Ok(())
    }
}

fn reading(number: u64) -> Reading {
    let seconds = (number % READINGS_A_FLIGHT) as f64 / 2.0;
    Reading::default()
        .with_number(number)
        .with_seconds(seconds)
        .with_altitude(ACCELERATION * seconds * seconds / 2.0)
        .with_speed(ACCELERATION * seconds)
        .with_picture(vec![number as u8; PICTURE_BYTES])
}

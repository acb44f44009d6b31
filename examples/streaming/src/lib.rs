//! A launch that many watch: a telemetry feed, a camera's upload and mission control's loop.

use std::time::Duration;

use halloo::{MessageReceiver, MessageSender, Request, Status};
use tokio::sync::broadcast;

halloo::include_proto!("launch");

/// Lines that a slow listener may lag behind before it misses some.
const LOOP_LINES: usize = 64;

/// Metres per second squared, after gravity took its share.
const ACCELERATION: f64 = 25.0;

/// The launch site.
#[derive(Debug)]
pub struct Site {
    /// Between two readings.
    pub pace: Duration,
    control: broadcast::Sender<Line>,
}

impl Site {
    /// A site whose feed has a reading every `pace`; each stands for half a second of flight.
    pub fn new(pace: Duration) -> Self {
        Self { pace, control: broadcast::channel(LOOP_LINES).0 }
    }
}

impl Launch for Site {
    async fn watch(
        &self,
        request: Request<WatchRequest>,
        replies: &mut MessageSender<Telemetry>,
    ) -> Result<(), Status> {
        if !request.altitude.is_finite() || request.altitude < 0.0 {
            return Err(Status::invalid_argument("altitude must be a number of metres above ground"));
        }
        let mut half_seconds = 0.0;
        loop {
            let seconds = half_seconds / 2.0;
            let altitude = ACCELERATION * seconds * seconds / 2.0;
            let speed = ACCELERATION * seconds;
            // Waits while the watcher is slow; ends when the watcher has gone.
            let reading = Telemetry::default().with_seconds(seconds).with_altitude(altitude).with_speed(speed);
            replies.send(reading).await?;
            if altitude >= request.altitude {
                return Ok(());
            }
            tokio::time::sleep(self.pace).await;
            half_seconds += 1.0;
        }
    }

    async fn upload(&self, mut requests: MessageReceiver<Frame>) -> halloo::Result<Summary> {
        let mut summary = Summary::default();
        while let Some(frame) = requests.next().await? {
            summary.frames += 1;
            summary.bytes += frame.pixels.len() as u64;
        }
        Ok(summary.into())
    }

    async fn talk(&self, mut requests: MessageReceiver<Line>, replies: &mut MessageSender<Line>) -> Result<(), Status> {
        let mut control = self.control.subscribe();
        loop {
            tokio::select! {
                said = requests.next() => match said? {
                    // Nobody listening is no fault: the speaker listens too, until it has hung up.
                    Some(line) => drop(self.control.send(line)),
                    None => return Ok(()),
                },
                heard = control.recv() => match heard {
                    Ok(line) => replies.send(line).await?,
                    Err(broadcast::error::RecvError::Lagged(lines)) => {
                        let text = format!("({lines} lines missed)");
                        replies.send(Line::default().with_who("loop").with_text(text)).await?;
                    }
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
            }
        }
    }
}

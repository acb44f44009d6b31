//! What a process has used of its CPU, and how a program that called sums up.

use std::fmt;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// CPU time in ticks of the kernel's clock (10 ms on Linux).
#[derive(Clone, Copy, Debug)]
struct Ticks {
    user: u64,
    system: u64,
}

/// Watches this process from the moment of its making.
#[derive(Debug)]
pub struct Watch {
    ticks: Ticks,
    started: Instant,
}

/// What a number of calls took. Its text is one line, made for programs.
#[derive(Debug)]
pub struct Sum {
    calls: u64,
    elapsed: Duration,
    used: Ticks,
}

impl Watch {
    /// Starts to watch.
    ///
    /// # Errors
    /// When `/proc/self/stat` cannot be read.
    pub fn start() -> io::Result<Self> {
        Ok(Self { ticks: Ticks::used()?, started: Instant::now() })
    }

    /// Sums up.
    ///
    /// # Errors
    /// When `/proc/self/stat` cannot be read.
    pub fn stop(self, calls: u64) -> io::Result<Sum> {
        let elapsed = self.started.elapsed();
        let now = Ticks::used()?;
        let used = Ticks { user: now.user - self.ticks.user, system: now.system - self.ticks.system };
        Ok(Sum { calls, elapsed, used })
    }
}

impl Ticks {
    fn used() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        // The program's name may hold anything; after its parenthesis, user and system are words 12 and 13.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut words = after_name.split_whitespace().skip(11).map(|word| word.parse().unwrap_or(0));
        Ok(Self { user: words.next().unwrap_or(0), system: words.next().unwrap_or(0) })
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, elapsed, used } = self;
        write!(
            f,
            "calls {calls} nanoseconds {} user_ticks {} system_ticks {}",
            elapsed.as_nanos(),
            used.user,
            used.system
        )
    }
}

//! Many calls, one after the other, each of which has to be quick enough; on one channel, or each on a new one.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::caller::{Caller, Soak};
use crate::check::Checked;
use crate::large::expect_zeros;
use crate::payload::zeros;
use crate::{SimpleRequest, TestServiceClient};

pub(super) async fn rpc_soak(caller: &Caller) -> Checked {
    let client = caller.client()?;
    soak(caller.soak, || Ok(client.clone())).await
}

pub(super) async fn channel_soak(caller: &Caller) -> Checked {
    soak(caller.soak, || caller.client()).await
}

/// What the threads of a soak have seen.
#[derive(Debug, Default)]
struct Tally {
    latencies: Vec<Duration>,
    failures: u32,
}

async fn soak(soak: Soak, client: impl Fn() -> Result<TestServiceClient, halloo::Error>) -> Checked {
    let began = Instant::now();
    let mut tally = Tally::default();
    let mut left = soak.iterations;
    // In rounds of a call a thread, so that the clients are made here.
    while left > 0 && began.elapsed() < soak.overall_timeout {
        let next_round = Instant::now() + soak.min_interval;
        let mut calls = JoinSet::new();
        for _ in 0..soak.threads {
            let client = client()?;
            calls.spawn(async move { one_call(&client, soak).await });
        }
        while let Some(outcome) = calls.join_next().await {
            tally.add(outcome?, soak.max_latency);
        }
        left -= soak.threads;
        // tidy: allow(sleep): a flag sets the pause between calls
        tokio::time::sleep_until(next_round.into()).await;
    }
    tally.verdict(soak)
}

async fn one_call(client: &TestServiceClient, soak: Soak) -> Checked<Duration> {
    let began = Instant::now();
    let request = SimpleRequest::default().with_response_size(soak.response_bytes);
    let call = client.unary_call(request.with_payload(zeros(soak.request_bytes)));
    let reply = call.timeout(soak.overall_timeout).await?;
    expect_zeros(&reply.payload.body, soak.response_bytes)?;
    Ok(began.elapsed())
}

impl Tally {
    fn add(&mut self, outcome: Checked<Duration>, max_latency: Duration) {
        let iteration = self.latencies.len();
        let fault = match outcome {
            Ok(latency) => {
                self.latencies.push(latency);
                let slow = latency > max_latency;
                slow.then(|| format!("took {} ms, over {}", latency.as_millis(), max_latency.as_millis()))
            }
            Err(fault) => {
                self.latencies.push(Duration::ZERO);
                Some(format!("failed: {fault}"))
            }
        };
        if let Some(fault) = fault {
            self.failures += 1;
            eprintln!("soak iteration {iteration} {fault}");
        }
    }

    fn verdict(mut self, soak: Soak) -> Checked {
        self.latencies.sort_unstable();
        let done = self.latencies.len();
        let percentile = |percent: usize| {
            let latency = self.latencies.get((done * percent / 100).min(done.saturating_sub(1)));
            latency.map_or(0, Duration::as_millis)
        };
        eprintln!(
            "soak: {done} of {} calls, {} failures; p50 {} ms, p90 {} ms, p100 {} ms",
            soak.iterations,
            self.failures,
            percentile(50),
            percentile(90),
            percentile(100)
        );
        if done < soak.iterations as usize {
            return Err(format!("only {done} calls were made in {:?}", soak.overall_timeout).into());
        }
        if self.failures > soak.max_failures {
            return Err(format!("{} calls failed, {} may", self.failures, soak.max_failures).into());
        }
        Ok(())
    }
}

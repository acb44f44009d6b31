//! A Rust client of a Python server: `polyglot URL NUMBER...`.

use std::time::Duration;

use halloo::Status;

halloo::include_proto!("statistics");

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or("http://localhost:50064".into());
    let values = args.map(|arg| arg.parse().map_err(|_| Status::invalid_argument(format!("{arg:?} is no number"))));
    let sample = Sample::default().with_values(values.collect::<Result<Vec<f64>, Status>>()?);
    println!("📨 Sending {} numbers", sample.values.len());

    let statistics = StatisticsClient::connect(url).await?;
    let Description { mean, median, deviation, .. } =
        statistics.describe(sample).timeout(Duration::from_secs(5)).await?.into_message();
    println!("📬 Received mean {mean:.2}, median {median:.2}, deviation {deviation:.2}");
    Ok(())
}

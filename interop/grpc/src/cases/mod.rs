//! The cases of the client, by their names; and what a case calls with.

mod caller;
mod compression;
mod http2;
mod scaling;
mod soak;
mod status;
mod streaming;
mod unary;

use crate::large::large_unary;

pub use self::caller::Caller;

/// What a whole server passes, with no more than its address; the others need a server of their own.
pub const CASES: [&str; 24] = [
    "empty_unary",
    "large_unary",
    "very_large_request",
    "custom_metadata",
    "client_compressed_unary",
    "client_compressed_unary_noprobe",
    "server_compressed_unary",
    "client_compressed_streaming",
    "client_compressed_streaming_noprobe",
    "server_compressed_streaming",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "half_duplex",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "rpc_soak",
    "channel_soak",
];

/// Runs the case of that name.
///
/// # Errors
/// What it found instead of what it expects.
pub async fn run(case: &str, caller: &Caller) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let client = &caller.client()?;
    match case {
        "empty_unary" => unary::empty_unary(client).await,
        "large_unary" => large_unary(client).await,
        "cacheable_unary" => Err("our client sends no GET, and no proxy is at hand".into()),
        "very_large_request" => unary::very_large_request(client).await,
        "custom_metadata" => unary::custom_metadata(client).await,
        "client_compressed_unary" => compression::client_unary(client, Probe::First).await,
        "client_compressed_unary_noprobe" => compression::client_unary(client, Probe::None).await,
        "server_compressed_unary" => compression::server_unary(client).await,
        "client_compressed_streaming" => compression::client_streaming(client, Probe::First).await,
        "client_compressed_streaming_noprobe" => compression::client_streaming(client, Probe::None).await,
        "server_compressed_streaming" => compression::server_streaming(client).await,
        "client_streaming" => streaming::client_streaming(client).await,
        "server_streaming" => streaming::server_streaming(client).await,
        "ping_pong" => streaming::ping_pong(client).await,
        "empty_stream" => streaming::empty_stream(client).await,
        "half_duplex" => streaming::half_duplex(client).await,
        "cancel_after_begin" => streaming::cancel_after_begin(client).await,
        "cancel_after_first_response" => streaming::cancel_after_first_response(client).await,
        "timeout_on_sleeping_server" => streaming::timeout_on_sleeping_server(client).await,
        "status_code_and_message" => status::status_code_and_message(client).await,
        "special_status_message" => status::special_status_message(client).await,
        "unimplemented_method" => status::unimplemented_method(client).await,
        "unimplemented_service" => status::unimplemented_service(client).await,
        "rpc_soak" => soak::rpc_soak(caller).await,
        "channel_soak" => soak::channel_soak(caller).await,
        "max_concurrent_streams_connection_scaling" => scaling::connection_scaling(caller).await,
        "goaway" => http2::goaway(client).await,
        "rst_after_header" | "rst_during_data" | "rst_after_data" => http2::reset(client).await,
        "max_streams" => http2::max_streams(caller).await,
        "ping" | "data_frame_padding" | "no_df_padding_sanity_test" => large_unary(client).await,
        _ => Err(format!("our client has no case {case:?}").into()),
    }
}

/// Whether a case finds out first that the server looks at how messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    First,
    None,
}

fn main() {
    halloo_build::Build::new()
        .protos(["proto/numbers.proto", "proto/chat.proto", "proto/telemetry.proto", "proto/upload.proto"])
        .include("proto")
        // A part's data stays where it was received instead of being copied into a `Vec`.
        .shared_bytes(".upload.Part.data")
        .compile();
}

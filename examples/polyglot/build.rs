fn main() {
    halloo_build::compile("proto/statistics.proto");
}

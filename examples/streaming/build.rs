fn main() {
    halloo_build::compile("launch.proto");
}

fn main() {
    halloo_build::compile("greeter.proto");
}

fn main() {
    halloo_build::Build::new().proto("../greeter/greeter.proto").include("../greeter").compile();
}

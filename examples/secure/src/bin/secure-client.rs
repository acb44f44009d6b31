//! Calls the Greeter as Ada, from her laptop: `secure-client [--without-certificate] [--without-token] [URL [FOLDER]]`.

use halloo::Channel;
use halloo::credentials::TokenFile;
use halloo::tls::ClientTls;
use secure::{GreeterClient, HelloRequest, Keys};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let (options, args): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let mut args = args.into_iter();
    let url = args.next().unwrap_or("https://localhost:50051".into());
    let keys = Keys::at(args.next().map_or_else(Keys::default_folder, Into::into));
    let is_without = |what: &str| options.iter().any(|option| option == &format!("--without-{what}"));

    let mut tls = ClientTls::new().ca_file(keys.file("ca.pem"))?;
    if !is_without("certificate") {
        tls = tls.identity_files(keys.file("client.pem"), keys.file("client.key"))?;
    }
    let mut channel = Channel::builder(url).tls(tls);
    if !is_without("token") {
        channel = channel.credentials(TokenFile::new(keys.file("token")));
    }
    let greeter = GreeterClient::new(channel.build()?);

    let name = "gRPC Learner";
    println!("📨 Sending request with name: {name}");
    let reply = greeter.say_hello(HelloRequest::default().with_name(name)).await?;
    println!("📬 Received response: {}", reply.message);
    Ok(())
}

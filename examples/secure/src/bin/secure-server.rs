//! Serves the Greeter to those who have a certificate and a token: `secure-server [ADDRESS [FOLDER]]`, by default on port
//! 50051. What it needs for that it makes in the folder when it starts first.

use halloo::Server;
use halloo::jwt::{JwtAlgorithm, JwtAuthenticator, JwtKeys};
use halloo::tls::Tls;
use secure::{AUDIENCE, GreeterServer, ISSUER, Keys, MyGreeter};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or("[::]:50051".into());
    let keys = Keys::at(args.next().map_or_else(Keys::default_folder, Into::into));
    keys.make()?;

    // Who may connect: whoever shows a certificate from our authority.
    let tls = Tls::from_files(keys.file("server.pem"), keys.file("server.key"))?.client_ca_file(keys.file("ca.pem"))?;
    // Who may call: whoever sends a token from our login server.
    let authenticator = JwtAuthenticator::new(JwtKeys::pem_file(JwtAlgorithm::EdDsa, keys.file("issuer.pem"))?)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .require_scope("greeter.Greeter/SayHello", "greet");

    let server = Server::bind(address).await?.tls(tls).intercept(authenticator);
    println!("🟢 Server started on port {}", server.port());
    server.serve(GreeterServer::new(MyGreeter)).await
}

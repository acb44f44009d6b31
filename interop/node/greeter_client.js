// The Greeter's client as Node's tutorial teaches it: the .proto file is read at run time.
//
// usage: greeter_client.js PROTO HOST:PORT NAME

const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const [proto, target, name] = process.argv.slice(2);
const { greeter } = grpc.loadPackageDefinition(protoLoader.loadSync(proto));
const client = new greeter.Greeter(target, grpc.credentials.createInsecure());

client.sayHello({ name }, { deadline: Date.now() + 20_000 }, (error, reply) => {
  if (error) {
    console.error(`no greeting: ${error.message}`);
    process.exitCode = 1;
  } else {
    console.log(`Greeter client received: ${reply.message}`);
  }
  client.close();
});

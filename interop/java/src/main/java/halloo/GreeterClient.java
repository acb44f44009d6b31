package halloo;

import greeter.GreeterGrpc;
import greeter.GreeterOuterClass.HelloRequest;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/** The Greeter's client as Java's tutorial teaches it. Usage: GreeterClient HOST:PORT NAME. */
public final class GreeterClient {
  public static void main(String[] args) {
    ManagedChannel channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    try {
      HelloRequest request = HelloRequest.newBuilder().setName(args[1]).build();
      var greeter = GreeterGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
      System.out.println("Greeter client received: " + greeter.sayHello(request).getMessage());
    } finally {
      channel.shutdownNow();
    }
  }
}

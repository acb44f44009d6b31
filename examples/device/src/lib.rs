//! What the device and its tests call: the Greeter.

halloo::include_proto!("greeter");

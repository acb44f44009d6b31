//! The service that the tests call; `post.proto` describes it. Its implementation is in `tests/support`.

halloo::include_proto!("post");

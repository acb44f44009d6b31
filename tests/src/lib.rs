//! The services that the tests call, which `post.proto` and `forms.proto` describe; the first one's implementation is
//! in `tests/support`.

halloo::include_proto!("post");

pub mod forms {
    //! Messages with every kind of field that JSON writes in a way of its own.

    halloo::include_proto!("forms");
}

pub mod rules {
    //! A service with options of its own.

    halloo::include_proto!("rules");
}

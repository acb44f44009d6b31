// Package jsoncodec teaches grpc-go application/grpc+json, by being imported: messages as protojson writes them.
package jsoncodec

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Name is the content-subtype.
const Name = "json"

type codec struct{}

func init() {
	encoding.RegisterCodec(codec{})
}

func (codec) Marshal(value any) ([]byte, error) {
	message, ok := value.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", value)
	}
	return protojson.Marshal(message)
}

func (codec) Unmarshal(text []byte, value any) error {
	message, ok := value.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", value)
	}
	return protojson.Unmarshal(text, message)
}

func (codec) Name() string {
	return Name
}

"""etcd's messages, generated from etcd.proto by grpcio-tools: `python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. etcd.proto`."""

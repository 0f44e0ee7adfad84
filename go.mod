module github.com/revkv/kv

go 1.26

require github.com/google/btree v1.1.3

require (
	github.com/anishathalye/porcupine v1.3.1 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
)

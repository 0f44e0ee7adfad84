// Package natstest compares module natskv with a NATS server. It has nothing but tests, in a module of its own so that users of
// natskv need no server.
//
// A script is a function that makes calls and writes down what they return. It is run on an embedded server and on natskv, and
// what is written down has to be the same.
//
//	script_test.go   what a script writes down, and how errors are described
//	server_test.go   a server in this process, without a port
//	compare_test.go  runs all scripts twice and compares
//	case_*_test.go   the scripts, by subject
package natstest

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
//	corner_*_test.go scripts of what is rare: faults that come together, late contexts, calls at once
//
// What takes time is told with what is expected, and run in real time on the server:
//
//	ttl_run_test.go  how a story about time is told
//	ttl_*_test.go    the stories, by subject
//
//	differ_*_test.go     random operations, compared one by one
//	difference_test.go   what is different on purpose
//	copy_server_test.go  copying to and from a server
//	presence_test.go     the example, on a server
package natstest

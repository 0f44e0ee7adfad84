// Package servertest runs the suite of package kvtest on a NATS server: on the original, so that a rule of the suite is a
// rule of NATS and not only ours. It has nothing but tests.
//
// They are also the example of how to run the suite on a server of your own: package natskv/natsplace shows one to it.
//
//	server_test.go   a server in this process, without a port
//	suite_test.go    the suite in memory and in files
//	defects_test.go  what a server is known to do wrong
//
// Time is real here, so the cases run side by side, each on a server of its own.
package servertest

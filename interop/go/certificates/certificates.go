// Package certificates reads what `interop-certificates` has written, for both sides of TLS.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"

	"google.golang.org/grpc/credentials"
)

// Server shows the server's certificate, and wants one of clients if mutual.
func Server(folder string, mutual bool) (credentials.TransportCredentials, error) {
	shown, err := pair(folder, "server")
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{shown}}
	if mutual {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if config.ClientCAs, err = authorities(folder); err != nil {
			return nil, err
		}
	}
	return credentials.NewTLS(config), nil
}

// Client trusts the authority in folder, and shows a certificate if mutual.
func Client(folder string, mutual bool) (credentials.TransportCredentials, error) {
	roots, err := authorities(folder)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: roots}
	if mutual {
		shown, err := pair(folder, "client")
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{shown}
	}
	return credentials.NewTLS(config), nil
}

func pair(folder, name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(folder, name+".pem"), filepath.Join(folder, name+".key"))
}

func authorities(folder string) (*x509.CertPool, error) {
	text, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("ca.pem holds no certificate")
	}
	return pool, nil
}

"""Load runs, real and made by hand; other tests build on both."""

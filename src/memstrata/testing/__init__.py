"""For those who extend Memstrata: contract suites, doubles and builders for tests."""

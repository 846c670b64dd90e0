"""The code that runs inside Locust, and the only code that imports locust or gevent."""

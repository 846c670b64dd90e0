"""The code that runs inside Locust; but for users' clients, all that imports locust or gevent."""

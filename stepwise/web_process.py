"""Settings of gunicorn (`--config`): how the web process runs wherever it is started."""

wsgi_app = "stepwise.wsgi:application"
worker_class = "gthread"
workers = 1
threads = 16
logger_class = "stepwise.web_server.WebServerLog"
control_socket_disable = True
# Which proxies are believed is RIS_TRUSTED_PROXIES; gunicorn itself would believe everybody on this machine.
forwarded_allow_ips = ""

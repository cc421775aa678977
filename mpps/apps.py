from django.apps import AppConfig


class MppsConfig(AppConfig):
    name = "mpps"

from django.apps import AppConfig


class DimseConfig(AppConfig):
    name = "dimse"

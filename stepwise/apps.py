from django.apps import AppConfig


class StepwiseConfig(AppConfig):
    name = "stepwise"

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"

    def ready(self) -> None:
        from billing.charge_processor import behaviour
        from training.faults import charge_processor

        behaviour.follow(charge_processor.behaviour)

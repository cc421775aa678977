from django.apps import AppConfig


class MppsConfig(AppConfig):
    name = "mpps"

    def ready(self) -> None:
        from mpps import reasons

        reasons.reasons()  # a hospital's own file that is wrong stops the start, not an exam

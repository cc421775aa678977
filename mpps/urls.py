"""Addresses of the pages about performed steps."""

from django.urls import path

from mpps import views

urlpatterns = [path("performed/<int:pk>/", views.show, name="performed-step")]

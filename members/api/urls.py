from django.urls import path

from members.api import belongings, entering, me, proofs

urlpatterns = [
    path("terms", entering.Terms.as_view(), name="terms"),
    path("codes", entering.AskForCode.as_view(), name="code_ask"),
    path("sessions", entering.Enter.as_view(), name="session_open"),
    path("sessions/refresh", entering.Refresh.as_view(), name="session_refresh"),
    path("members", entering.SignUp.as_view(), name="member_sign_up"),
    path("me", me.Me.as_view(), name="me"),
    path("me/question", me.Question.as_view(), name="me_question"),
    path("me/consents", me.Consents.as_view(), name="me_consents"),
    path("me/carrier", me.Carrier.as_view(), name="me_carrier"),
    path("me/data", me.MyData.as_view(), name="me_data"),
    path("me/card", belongings.Card.as_view(), name="me_card"),
    path("me/cards", belongings.ClaimCard.as_view(), name="me_cards"),
    path("me/sessions", belongings.Sessions.as_view(), name="me_sessions"),
    path("me/sessions/<row:pk>", belongings.Session.as_view(), name="me_session"),
    path("me/step-up", proofs.StepUp.as_view(), name="me_step_up"),
    path("me/security-question", proofs.SecurityQuestion.as_view(), name="me_security_question"),
    path("me/codes", belongings.MyCodes.as_view(), name="me_codes"),
    path("me/phone", belongings.PhoneChange.as_view(), name="me_phone"),
    path("me/phone/confirm", belongings.PhoneConfirm.as_view(), name="me_phone_confirm"),
    path("me/leave", belongings.Leave.as_view(), name="me_leave"),
]

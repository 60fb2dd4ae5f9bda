package handlers

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

// failures says how a kind of failure looks outside. The first that matches counts.
var failures = []struct {
	err    error
	status int
	id     string
	text   string
}{
	{engine.ErrInvalid, http.StatusBadRequest, "InvalidParameter", "That request makes no sense."},
	{errBody, http.StatusBadRequest, "InvalidBody", "That body makes no sense."},
	{errForm, http.StatusForbidden, "InvalidForm", "That form is out of date, so nothing was changed. Go back, load the page again, and send it once more."},
	{engine.ErrUnauthorized, http.StatusUnauthorized, "Unauthorized", "A valid key is needed, as Authorization: Bearer KEY."},
	{engine.ErrPrivate, http.StatusForbidden, "PrivateUserList", "That user's list is private."},
	{engine.ErrEmptyList, http.StatusUnprocessableEntity, "EmptyUserList", "That user has not watched anything yet."},
	{engine.ErrInvalidList, http.StatusUnprocessableEntity, "InvalidUserList", "MyAnimeList's answer for that user could not be understood."},
	{engine.ErrNoHash, http.StatusInternalServerError, "HashFailed", "That user's list does not tell a taste."},
	{engine.ErrStoreDown, http.StatusServiceUnavailable, "StoreUnavailable", "The database does not answer. Try again soon."},
	{engine.ErrStore, http.StatusInternalServerError, "FailedSave", "The database refused. Try again soon."},
	{engine.ErrUpstreamTimeout, http.StatusGatewayTimeout, "UpstreamTimeout", "MyAnimeList takes too long. Try again soon."},
	{engine.ErrUpstream, http.StatusBadGateway, "UpstreamFailed", "MyAnimeList does not answer. Try again soon."},
	{engine.ErrNotFound, http.StatusNotFound, "UserNotFound", "There is no such user."},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "UpstreamTimeout", "That took too long. Try again soon."},
}

// againAfter is when, in seconds, it is worth to ask again after something we rely on failed: it is looked after as often.
const againAfter = "5"

// common has the texts of what is wrong with a request whatever it asks for.
var common = map[int]string{
	http.StatusNotFound:                    "Resource does not exist",
	http.StatusMethodNotAllowed:            "Invalid request method",
	http.StatusServiceUnavailable:          "Rate limited",
	http.StatusRequestHeaderFieldsTooLarge: "Request too long",
	http.StatusRequestEntityTooLarge:       "Request body too large",
	http.StatusRequestTimeout:              "Request took too long",
}

// fail turns an error into the response, and logs it if it is our fault. It is Fiber's ErrorHandler.
func (s *server) fail(c *fiber.Ctx, err error) error {
	if c.Locals(requestID{}) == nil { // what could not even be read comes here without passing the middleware
		s.begin(c)
		if isAPI(c) {
			c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		}
		defer s.logged(c, time.Now())
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.SetUserContext(context.WithoutCancel(c.UserContext())) // the request's time may be over; saying so takes a little more
	if answered, err := s.failLimited(c, err); answered {
		return err
	}
	if answered, err := failStarting(c, err); answered {
		return err
	}
	var fiberErr *fiber.Error
	if errors.As(err, &fiberErr) {
		text, ok := common[fiberErr.Code]
		if !ok {
			text = http.StatusText(fiberErr.Code)
		}
		if !isAPI(c) && wantsPage(c) {
			return s.failPage(c, fiberErr.Code, "", text)
		}
		return c.Status(fiberErr.Code).SendString(text)
	}
	answer := api.Error{Code: http.StatusInternalServerError, ID: "InternalError", Message: "Something went wrong here. Try again soon."}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			answer = api.Error{Code: f.status, ID: f.id, Message: f.text}
			break
		}
	}
	var bad invalid
	if errors.As(err, &bad) {
		answer.Message = bad.Error() + "."
	}
	var body badBody
	if errors.As(err, &body) {
		answer.Message = body.Error() + "."
	}
	if answer.Code >= http.StatusInternalServerError {
		s.Log.ErrorContext(c.UserContext(), "request failed", "path", shortPath(c), "id", answer.ID, "err", err)
	}
	if answer.Code > http.StatusInternalServerError && len(c.Response().Header.Peek(fiber.HeaderRetryAfter)) == 0 {
		c.Set(fiber.HeaderRetryAfter, againAfter)
	}
	if !isAPI(c) {
		return s.failPage(c, answer.Code, answer.ID, answer.Message)
	}
	return c.Status(answer.Code).JSON(answer)
}

// wantsPage tells whether the request is a browser's.
func wantsPage(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) || isPartial(c)
}

// uploadName finds the names of uploaded lists, which are all that is needed to see them.
var uploadName = regexp.MustCompile(`guest-[a-z2-7]{10}`)

// shortPath is the request's path as it can be logged.
func shortPath(c *fiber.Ctx) string {
	path, _, _ := bytes.Cut(c.Request().Header.RequestURI(), []byte("?"))
	if bytes.Contains(path, []byte("guest-")) {
		path = uploadName.ReplaceAllLiteral(path, []byte("guest-*"))
	}
	return string(path[:min(len(path), 120)])
}

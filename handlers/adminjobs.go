package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine/jobs"
	"reko.moe/views"
)

const jobsPath = "/admin/jobs"

// jobRuns is how many of its last runs a job's own page shows.
const jobRuns = 100

// jobLines returns the jobs with at most n of their last runs each.
func (s *server) jobLines(c *fiber.Ctx, n int) ([]views.JobLine, error) {
	if s.Jobs == nil {
		return nil, nil
	}
	states, err := s.Jobs.States(c.UserContext(), n)
	if err != nil {
		return nil, err
	}
	lines := make([]views.JobLine, len(states))
	for i, j := range states {
		lines[i] = views.JobLine{Name: j.Name, About: j.About, Every: j.Every, Running: j.Running}
		for _, r := range j.Last {
			run := views.RunLine{Started: r.Started, Took: r.Took, Outcome: r.Outcome, Err: r.Err}
			if r.Err == jobs.Interrupted {
				run.Err, run.Interrupted = "", true
			}
			lines[i].Last = append(lines[i].Last, run)
		}
	}
	return lines, nil
}

// jobsPage shows the jobs. Its part asks for itself again and again.
func (s *server) jobsPage(c *fiber.Ctx) error {
	lines, err := s.jobLines(c, 1)
	if err != nil {
		return err
	}
	p, err := s.adminPage(c, jobsPath, "Jobs")
	if err != nil {
		return err
	}
	v := views.JobsView{Jobs: lines}
	return s.render(c, views.JobsPage(p, v), views.Jobs(p, v), "jobs")
}

// jobPage shows the last runs of a job.
func (s *server) jobPage(c *fiber.Ctx) error {
	lines, err := s.jobLines(c, jobRuns)
	if err != nil {
		return err
	}
	name := param(c, "name")
	for _, j := range lines {
		if j.Name == name {
			p, err := s.adminPage(c, jobsPath, "Job "+name)
			if err != nil {
				return err
			}
			return write(c, views.JobPage(p, j))
		}
	}
	return fiber.ErrNotFound
}

// runJob begins a run of a job and does not wait for its end.
func (s *server) runJob(c *fiber.Ctx) error {
	name := param(c, "name")
	err := jobs.ErrUnknown
	if s.Jobs != nil {
		err = s.Jobs.Start(c.UserContext(), name)
	}
	switch {
	case errors.Is(err, jobs.ErrUnknown):
		return fiber.ErrNotFound
	case errors.Is(err, jobs.ErrRunning):
		return s.say(c, jobsPath, "The job "+name+" is running already.")
	case err != nil:
		return err
	}
	return s.did(c, "ran the job", name, jobsPath, "The job "+name+" was started.")
}

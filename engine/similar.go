package engine

import "context"

// Similar returns a page of the users most like the named one, by distance, then by id. page is taken into
// 1..[MaxSimilarPage].
func (e *Engine) Similar(ctx context.Context, name string, page int) (Answer[[]Neighbour], error) {
	return e.AppendSimilar(ctx, nil, name, page)
}

// AppendSimilar is [Engine.Similar], appended to near.
func (e *Engine) AppendSimilar(ctx context.Context, near []Neighbour, name string, page int) (Answer[[]Neighbour], error) {
	u, err := e.taste(ctx, name)
	if err != nil {
		return Answer[[]Neighbour]{}, err
	}
	page = pageNumber(page, MaxSimilarPage)
	near, more := e.nearest(near, u.Hash, u.ID, (page-1)*SimilarSize, page*SimilarSize)
	return Answer[[]Neighbour]{e.requester(u), Page{page, more && page < MaxSimilarPage}, near}, nil
}

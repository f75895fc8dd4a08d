type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** `same<A, B>(true)` compiles where the two types are the same, and `same<A, B>(false)` where they aren't. */
export function same<A, B>(_proof: Equal<A, B>): void {}

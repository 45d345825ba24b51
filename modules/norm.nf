process NORM {
    tag "${[slices].flatten().size()} controls"
    label 'cohort'

    input:
    path slices, stageAs: 'slices/*'
    path mapped, stageAs: 'mapped/*'
    val args
    val code

    output:
    path 'norm', emit: norm, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'norm.py' slices/* --maps mapped --out norm ${args}
    """

    stub:
    """
    'norm.py' --help > /dev/null
    mkdir norm
    """
}
